"""What the families that draw by diffusion share. It needs torch: only pipelines may import it."""
