// Portable/Functions
