"""The random numbers of make_alignments.py and make_error_counts.py, which the tests make again."""

MASK = (1 << 64) - 1


class Random:
    """A 64-bit linear congruential generator; its upper 32 bits."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & MASK
        return self.state >> 32

    def below(self, limit):
        return self.next() % limit
