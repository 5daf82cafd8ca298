"""What passes between the studio and its engine: frames on pipes, and files handed over whole."""
