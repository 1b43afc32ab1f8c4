"""Tuning constants that are the same on every processor; targets.json holds those that differ."""

# ---- Register tiles of convolutions (tiles.py) -------------------------------------------------------------

L1_SET_STRIDE = 4096  # bytes: addresses this far apart share a set of the first-level cache
L1_FREE_WAYS = 8  # cache lines of one set that a tile may use; the rest is for everything else it reads
FILTER_LOAD_COST = 1.1  # of a vector of filters, which comes from the second level, relative to a pixel's
FULL_REGISTERS_COST = 1.1  # factor on the cost of loads when a tile leaves no register free
MIN_VECTOR_USE = 0.6  # of NHWC's vectors of channels; below, pictures fill the vectors (17 of 32 is 0.53)
MIN_LANE_SUM_POSITIONS = 100  # per sum over lanes, so that adding up the lanes costs little
ANY_WIDTHS = (21, 42, 85, 170, 341)  # columns that a kernel for any size suits best: VGG's, for 341 pixels
PLANAR_VECTORS = 4  # of pixels in a row of a register tile, at most, where few filters leave vectors empty
PLANAR_COPY = 30  # of a vector of numbers into the planes, relative to a product
PLANAR_GAIN = 1.5  # below, a vector of filters is used
DEPTHWISE_COLUMNS = 7  # of a register tile, at most
GROUPED_COLUMNS = 4  # the same for groups of several channels
DEPTHWISE_UNROLL = 40  # products of a sum that are unrolled, at most
DEPTHWISE_COST = 5  # multiply-adds of a task that one of a depthwise convolution counts as: memory limits it

# ---- Tasks for the threads ---------------------------------------------------------------------------------

MAX_TASKS = 8  # of a picture in a small batch or a dense layer: a thread that is late then costs little
MIN_TASK_MULTIPLY_ADDS = 100_000
MIN_DENSE_TASKS = 4  # of the gradient of a dense layer's weights
DENSE_TASK_INPUTS = 1024  # inputs that pay for one more task, which transposes its neurons' dZ again
WINOGRAD_FILTER_TASKS = 8  # blocks of filters; if there are fewer, the threads also share out blocks of tiles
ELEMENTWISE_TASK = 4096  # numbers
NORMALIZATION_TASK = 16384  # numbers
POOL_TASK = 200_000  # numbers read
FILTER_STRIP = 32  # rows of a picture per task
CHUNK_BYTES = 16 << 20  # of a stage's inputs and output, for the pictures that a prediction computes together
CHUNK_MULTIPLY_ADDS = 10  # per byte of these, in all such stages: with more, computing limits them

# ---- Loops -------------------------------------------------------------------------------------------------

RETRANSFORM_TILES = 4  # per picture: with more, transforming filters again beats loading transformed ones
POOL_UNROLL = 16  # positions of a window that are unrolled, at most
MIN_SUM_VECTOR = 4  # numbers: a shorter vector that divides the channels is not worth it
SUM_VECTORS = 8  # per term of a channel's sums, in registers
SUM_PIXELS = 256  # per block of a channel's sums, at most
GROUP_PIXELS = 64  # per block of a group's sums, at most
BIAS_VECTORS = 4  # of sums of a bias's gradient in registers
CHANNEL_SUMS = 8  # side by side, of a sum over channels
MIN_FILTER_ROW = 128  # numbers in a row of a filter's result: four vectors of 16 bits
