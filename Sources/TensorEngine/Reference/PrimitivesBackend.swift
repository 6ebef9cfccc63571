/// Another backend reduced to its memory and primitives: every fused operation runs as its default body.
///
/// What it computes must equal what the wrapped backend computes by its own fused operations.
package final class PrimitivesBackend: DecoratorBackend {
    package let base: any Backend
    package var summary: String { "\(base.summary), primitives only" }

    package init(_ base: any Backend) {
        self.base = base
    }

    package func passed(_ tensor: Tensor) -> Tensor { bare(tensor) }
}
