"""The chat in a window: tkinter and ttk, with the network in another thread."""
