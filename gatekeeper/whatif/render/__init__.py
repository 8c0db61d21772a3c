"""A what-if as text: for the terminal, as Markdown, and as parts to paste."""
