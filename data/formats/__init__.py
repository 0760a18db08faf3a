"""Files from strangers, opened and read: archives, arrays, tables; nothing yet of what their numbers mean."""
