"""More denoisers as their makers publish them, most of them for video. See `originals`."""

from __future__ import annotations

from tests.layouts.rows import Shapes, rows


def wan(w: int, blocks: int, mlp: int, channels: int, out: int = 16, *, image: bool = False) -> Shapes:
    b = f"blocks.{{0-{blocks - 1}}}"
    attention = "\n".join(
        f"{b}.{kind}.{name}: {w} {w}" for kind in ("self_attn", "cross_attn") for name in ("q", "k", "v", "o")
    )
    norms = "\n".join(f"{b}.{kind}.norm_{n}! {w}" for kind in ("self_attn", "cross_attn") for n in "qk")
    found = rows(f"""
        patch_embedding: {w} {channels} 1 2 2
        text_embedding.0: {w} 4096
        text_embedding.2: {w} {w}
        time_embedding.0: {w} 256
        time_embedding.2: {w} {w}
        time_projection.1: {6 * w} {w}
        {attention}
        {norms}
        {b}.norm3: {w}
        {b}.ffn.0: {mlp} {w}
        {b}.ffn.2: {w} {mlp}
        {b}.modulation= 1 6 {w}
        head.modulation= 1 2 {w}
        head.head: {out * 4} {w}
    """)
    if image:
        found |= rows(f"""
            {b}.cross_attn.k_img: {w} {w}
            {b}.cross_attn.v_img: {w} {w}
            {b}.cross_attn.norm_k_img! {w}
            img_emb.proj.0: 1280
            img_emb.proj.1: 1280 1280
            img_emb.proj.3: {w} 1280
            img_emb.proj.4: {w}
        """)
    return found


def ltx(w: int, blocks: int) -> Shapes:
    b = f"transformer_blocks.{{0-{blocks - 1}}}"
    attention = "\n".join(
        f"{b}.{kind}.{name}: {w} {w}"
        for kind in ("attn1", "attn2")
        for name in ("to_q", "to_k", "to_v", "to_out.0")
    )
    norms = "\n".join(
        f"{b}.{kind}.{name}! {w}" for kind in ("attn1", "attn2") for name in ("q_norm", "k_norm")
    )
    return rows(f"""
        scale_shift_table= 2 {w}
        patchify_proj: {w} 128
        adaln_single.emb.timestep_embedder.linear_1: {w} 256
        adaln_single.emb.timestep_embedder.linear_2: {w} {w}
        adaln_single.linear: {6 * w} {w}
        caption_projection.linear_1: {w} 4096
        caption_projection.linear_2: {w} {w}
        {attention}
        {norms}
        {b}.scale_shift_table= 6 {w}
        {b}.ff.net.0.proj: {4 * w} {w}
        {b}.ff.net.2: {w} {4 * w}
        proj_out: 128 {w}
    """)


def hunyuan_video(channels: int = 16) -> Shapes:
    w, mlp = 3072, 12288
    sides = "\n".join(
        f"""
        double_blocks.{{0-19}}.{side}_mod.linear: {6 * w} {w}
        double_blocks.{{0-19}}.{side}_attn_qkv: {3 * w} {w}
        double_blocks.{{0-19}}.{side}_attn_q_norm! 128
        double_blocks.{{0-19}}.{side}_attn_k_norm! 128
        double_blocks.{{0-19}}.{side}_attn_proj: {w} {w}
        double_blocks.{{0-19}}.{side}_mlp.fc1: {mlp} {w}
        double_blocks.{{0-19}}.{side}_mlp.fc2: {w} {mlp}"""
        for side in ("img", "txt")
    )
    refiner = "txt_in.individual_token_refiner.blocks.{0-1}"
    return rows(f"""
        img_in.proj: {w} {channels} 1 2 2
        time_in.mlp.0: {w} 256
        time_in.mlp.2: {w} {w}
        vector_in.in_layer: {w} 768
        vector_in.out_layer: {w} {w}
        guidance_in.mlp.0: {w} 256
        guidance_in.mlp.2: {w} {w}
        txt_in.input_embedder: {w} 4096
        txt_in.t_embedder.mlp.0: {w} 256
        txt_in.t_embedder.mlp.2: {w} {w}
        txt_in.c_embedder.linear_1: {w} 4096
        txt_in.c_embedder.linear_2: {w} {w}
        {refiner}.norm1: {w}
        {refiner}.self_attn_qkv: {3 * w} {w}
        {refiner}.self_attn_proj: {w} {w}
        {refiner}.norm2: {w}
        {refiner}.mlp.fc1: {mlp} {w}
        {refiner}.mlp.fc2: {w} {mlp}
        {refiner}.adaLN_modulation.1: {2 * w} {w}
        {sides}
        single_blocks.{{0-39}}.linear1: {3 * w + mlp} {w}
        single_blocks.{{0-39}}.linear2: {w} {w + mlp}
        single_blocks.{{0-39}}.q_norm! 128
        single_blocks.{{0-39}}.k_norm! 128
        single_blocks.{{0-39}}.modulation.linear: {3 * w} {w}
        final_layer.linear: 64 {w}
        final_layer.adaLN_modulation.1: {2 * w} {w}
    """)


def hunyuan_dit() -> Shapes:
    """Names by Tencent's HunyuanDiT (`hydit/modules/models.py`)."""
    w = 1408
    return rows(f"""
        text_embedding_padding= 333 1024
        x_embedder.proj: {w} 4 2 2
        t_embedder.mlp.0: {w} 256
        t_embedder.mlp.2: {w} {w}
        mlp_t5.0: 8192 2048
        mlp_t5.2: 1024 8192
        pooler.positional_embedding= 257 2048
        pooler.k_proj: 2048 2048
        pooler.q_proj: 2048 2048
        pooler.v_proj: 2048 2048
        pooler.c_proj: 1024 2048
        style_embedder! 1 {w}
        extra_embedder.0: 5632 3968
        extra_embedder.2: {w} 5632
        blocks.{{0-39}}.norm1: {w}
        blocks.{{0-39}}.norm2: {w}
        blocks.{{0-39}}.norm3: {w}
        blocks.{{0-39}}.attn1.Wqkv: {3 * w} {w}
        blocks.{{0-39}}.attn1.q_norm: 88
        blocks.{{0-39}}.attn1.k_norm: 88
        blocks.{{0-39}}.attn1.out_proj: {w} {w}
        blocks.{{0-39}}.attn2.q_proj: {w} {w}
        blocks.{{0-39}}.attn2.kv_proj: {2 * w} 1024
        blocks.{{0-39}}.attn2.q_norm: 88
        blocks.{{0-39}}.attn2.k_norm: 88
        blocks.{{0-39}}.attn2.out_proj: {w} {w}
        blocks.{{0-39}}.mlp.fc1: {4 * w} {w}
        blocks.{{0-39}}.mlp.fc2: {w} {4 * w}
        blocks.{{0-39}}.default_modulation.1: {w} {w}
        blocks.{{20-39}}.skip_norm: {2 * w}
        blocks.{{20-39}}.skip_linear: {w} {2 * w}
        final_layer.linear: 32 {w}
        final_layer.adaLN_modulation.1: {2 * w} {w}
    """)
