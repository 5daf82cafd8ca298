"""What the pipelines of several families share. It needs torch: only pipelines may import it."""
