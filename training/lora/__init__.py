"""Fine-tunes a diffusers model on captioned pictures with low-rank adapters (Hu et al., LoRA, 2022)."""
