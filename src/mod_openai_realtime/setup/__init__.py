"""What brings module and engine into a FreeSWITCH, and finds what is missing."""
