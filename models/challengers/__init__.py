"""Challengers: what a model has to beat to earn its trees - a scorecard with points, and rules as an expert writes them."""
