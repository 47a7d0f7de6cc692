"""The corpus: small projects with every rule in them, and the rows that follow from the rules by hand."""
