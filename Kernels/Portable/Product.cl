// Portable/Product
