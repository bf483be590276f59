"""Load of a deployed campaign: the planner's arrivals, asked for in earnest, beside what it predicted."""
