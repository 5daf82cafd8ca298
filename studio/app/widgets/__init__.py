"""The pieces that panels are made of. One small file each; none knows a panel or a service."""
