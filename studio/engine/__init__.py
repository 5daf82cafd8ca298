"""The inference process: a control loop on two pipes and one worker thread per device. No Qt."""
