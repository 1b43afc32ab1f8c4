"""`fovea inspect`: what a network sees in pictures, as a page."""
