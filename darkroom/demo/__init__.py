"""`make demo`: a campaign deployed, asked for pictures, scaled and destroyed on one machine."""
