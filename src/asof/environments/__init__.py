"""Environments over their life: applied beside production, promoted into it, dropped."""
