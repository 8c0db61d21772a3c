"""One run of the loop: its suite, items, store, money and teacher, and how the teacher is asked."""
