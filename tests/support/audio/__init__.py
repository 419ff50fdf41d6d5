"""Making and measuring audio in tests. Samples are numpy arrays of int16 (pcm16), mono unless said otherwise."""
