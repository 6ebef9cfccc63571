// Portable/Elementwise
