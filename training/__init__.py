"""Trains the tiny model that draws what it is told, and fine-tunes diffusers models with LoRA."""
