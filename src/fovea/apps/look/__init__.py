"""`fovea look`: the answers to the page's requests."""
