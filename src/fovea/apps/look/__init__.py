"""`fovea look`: what the page that shows a network at work can ask."""
