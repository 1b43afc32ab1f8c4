"""The loop that trains a network, and everything a run needs: its recipe, state, folder and live status."""
