"""`fovea inspect`: a report on what a network sees in pictures."""
