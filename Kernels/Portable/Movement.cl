// Portable/Movement
