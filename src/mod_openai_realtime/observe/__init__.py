"""What is told of calls and of the engine: figures, logs, and text that is fit for them."""
