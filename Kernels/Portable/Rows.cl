// Portable/Rows
