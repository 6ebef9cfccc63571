// Portable/Attention
