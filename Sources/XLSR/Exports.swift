// Devices, precisions, tensors and their errors are part of this module's interface: one import gives them all.
@_exported import Backends
@_exported import TensorEngine
