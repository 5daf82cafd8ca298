"""The models on the disks: plain folders with a record each, on one drive or several."""
