"""What expectations and statistics tell, as one page of HTML that needs nothing else."""
