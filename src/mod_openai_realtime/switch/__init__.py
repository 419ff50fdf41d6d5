"""The switch's side: the link to the module, its channels, and the commands that come for them."""
