"""The facts of well-known models, computed from their configurations alone: no hub is asked.

`gguf` lays a language model out as llama.cpp's converter does, `networks` builds the makers' own
modules without memory, `known` lists the models, and `python -m tests.facts [NAME...]` writes
`models_manifest/facts`.
"""
