// A part of FakeCUDA.c: cuBLASLt over the same memory and streams. Its products are computed, in double.

#define BEGIN_PRODUCTS() \
    LOCKED(); \
    if (fails(NAME)) return settings.productStatus; \
    NEEDS(current && current->isAlive, "no context is current")

// What an object was made or set with.
enum { LAYOUT_TYPE, LAYOUT_ROWS, LAYOUT_COLUMNS, LAYOUT_STEP };
enum { COMPUTE, TRANSPOSE_A, TRANSPOSE_B, EPILOGUE, BIAS };

static size_t fake_cublasLtGetVersion(void) {
    LOCKED();
    return fails(NAME) ? 0 : settings.productLibraryVersion;
}

static uint32_t fake_cublasLtCreate(cublasLtHandle_t *handle) {
    BEGIN_PRODUCTS();
    *handle = (cublasLtHandle_t)made(PRODUCT_HANDLE);
    return cublasSuccess;
}

static uint32_t fake_cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *description, uint32_t compute, uint32_t scale) {
    BEGIN_PRODUCTS();
    NEEDS(scale == cublasFloat32 && (compute == cublasComputeFloat32 || compute == cublasComputeTF32), "other sums");
    Object *object = made(DESCRIPTION);
    object->values[COMPUTE] = compute;
    object->values[EPILOGUE] = cublasLtEpilogueNone;
    *description = (cublasLtMatmulDesc_t)object;
    return cublasSuccess;
}

static uint32_t fake_cublasLtMatmulDescSetAttribute(
    cublasLtMatmulDesc_t description, uint32_t attribute, const void *value, size_t byteCount) {
    BEGIN_PRODUCTS();
    NEEDS(is(description, DESCRIPTION), "not a description");
    uint64_t *values = ((Object *)description)->values;
    bool isPointer = attribute == cublasLtBiasPointer;
    if (byteCount != (isPointer ? 8 : 4)) return cublasInvalidValue;
    uint64_t number = isPointer ? *(const uint64_t *)value : *(const uint32_t *)value;
    switch (attribute) {
    case cublasLtTransposeA: values[TRANSPOSE_A] = number; break;
    case cublasLtTransposeB: values[TRANSPOSE_B] = number; break;
    case cublasLtEpilogue: values[EPILOGUE] = number; break;
    case cublasLtBiasPointer: values[BIAS] = number; break;
    default: return cublasInvalidValue;
    }
    return cublasSuccess;
}

static uint32_t fake_cublasLtMatrixLayoutCreate(
    cublasLtMatrixLayout_t *layout, uint32_t type, uint64_t rows, uint64_t columns, int64_t step) {
    BEGIN_PRODUCTS();
    Object *object = made(LAYOUT);
    memcpy(object->values, (uint64_t[]){type, rows, columns, (uint64_t)step}, 4 * sizeof(uint64_t));
    *layout = (cublasLtMatrixLayout_t)object;
    return cublasSuccess;
}

static uint32_t fake_cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference) {
    BEGIN_PRODUCTS();
    *preference = (cublasLtMatmulPreference_t)made(PREFERENCE);
    return cublasSuccess;
}

static uint32_t fake_cublasLtMatmulPreferenceSetAttribute(
    cublasLtMatmulPreference_t preference, uint32_t attribute, const void *value, size_t byteCount) {
    BEGIN_PRODUCTS();
    NEEDS(is(preference, PREFERENCE), "not a preference");
    if (attribute != cublasLtLargestWorkspace || byteCount != sizeof(size_t)) return cublasInvalidValue;
    ((Object *)preference)->values[0] = *(const size_t *)value;
    return cublasSuccess;
}

// One that is made to fail destroys all the same: the caller can do no more about it.
#define DESTROY(name, type, kind) \
    static uint32_t fake_##name(type object) { \
        LOCKED(); \
        bool isFailing = fails(NAME); \
        NEEDS(current && current->isAlive && is(object, kind), "was destroyed before, or no context is current"); \
        end((Object *)object); \
        return isFailing ? settings.productStatus : cublasSuccess; \
    }
DESTROY(cublasLtDestroy, cublasLtHandle_t, PRODUCT_HANDLE)
DESTROY(cublasLtMatmulDescDestroy, cublasLtMatmulDesc_t, DESCRIPTION)
DESTROY(cublasLtMatrixLayoutDestroy, cublasLtMatrixLayout_t, LAYOUT)
DESTROY(cublasLtMatmulPreferenceDestroy, cublasLtMatmulPreference_t, PREFERENCE)

// Whether it is one that the library does: factors of one type, the first turned, sums and the rest in float32; or the
// bare product in the factors' type.
static bool describes(Product *product, Object *description, Object *a, Object *b, Object *c, Object *d) {
    uint64_t type = a->values[LAYOUT_TYPE];
    bool isTF32 = description->values[COMPUTE] == cublasComputeTF32;
    bool isFloat16 = type == cublasFloat16 || type == cublasBFloat16;
    *product = (Product){
        .type = type,
        .dType = d->values[LAYOUT_TYPE],
        .m = d->values[LAYOUT_ROWS],
        .n = d->values[LAYOUT_COLUMNS],
        .depth = a->values[LAYOUT_ROWS],
        .aStep = a->values[LAYOUT_STEP],
        .bStep = b->values[LAYOUT_STEP],
        .dStep = d->values[LAYOUT_STEP],
    };
    for (int index = 0; index < 4; index++) {
        Object *layout = (Object *[]){a, b, c, d}[index];
        // Overlapping columns are refused.
        if (layout->values[LAYOUT_STEP] < layout->values[LAYOUT_ROWS] || layout->values[LAYOUT_ROWS] == 0
            || layout->values[LAYOUT_COLUMNS] == 0)
            return false;
    }
    return (type == cublasFloat32 || (isFloat16 && !isTF32)) && b->values[LAYOUT_TYPE] == type
        && (product->dType == cublasFloat32
            || (product->dType == type && description->values[EPILOGUE] == cublasLtEpilogueNone))
        && description->values[TRANSPOSE_A] == cublasTransposed
        && description->values[TRANSPOSE_B] == cublasNotTransposed && a->values[LAYOUT_COLUMNS] == product->m
        && b->values[LAYOUT_ROWS] == product->depth && b->values[LAYOUT_COLUMNS] == product->n
        && memcmp(c->values, d->values, 4 * sizeof(uint64_t)) == 0
        && (description->values[EPILOGUE] == cublasLtEpilogueNone
            || (description->values[EPILOGUE] == cublasLtEpilogueBias && description->values[BIAS] % 16 == 0
                && description->values[BIAS]));
}

static uint32_t fake_cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t handle, cublasLtMatmulDesc_t description, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
    cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d, cublasLtMatmulPreference_t preference, int wantedCount,
    CUBLASLtHeuristic *results, int *count) {
    BEGIN_PRODUCTS();
    NEEDS(is(handle, PRODUCT_HANDLE) && is(description, DESCRIPTION) && is(preference, PREFERENCE), "not its objects");
    NEEDS(is(a, LAYOUT) && is(b, LAYOUT) && is(c, LAYOUT) && is(d, LAYOUT), "not layouts");
    Product product;
    if (!describes(&product, (Object *)description, (Object *)a, (Object *)b, (Object *)c, (Object *)d))
        return cublasInvalidValue;
    *count = 0;
    if (settings.refusesProducts || wantedCount < 1) return cublasNotSupported;
    *count = 1;
    *results = (CUBLASLtHeuristic){
        .algorithm = {
            {product.type, product.m, product.n, product.depth, product.aStep, product.bStep, product.dType}},
        .workspaceByteCount = 1000 < ((Object *)preference)->values[0] ? 1000 : 0,
    };
    heuristicCount++;
    return cublasSuccess;
}

static double numberAt(const void *numbers, uint64_t type, uint64_t index) {
    if (type == cublasFloat32) return ((const float *)numbers)[index];
    uint16_t bits = ((const uint16_t *)numbers)[index];
    if (type == cublasBFloat16) {
        uint32_t wide = (uint32_t)bits << 16;
        float value;
        memcpy(&value, &wide, sizeof(value));
        return value;
    }
    _Float16 half;
    memcpy(&half, &bits, sizeof(half));
    return (double)half;
}

static void store(float value, void *numbers, uint64_t type, uint64_t index) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    _Float16 half = (_Float16)value;
    if (type == cublasFloat32) {
        ((float *)numbers)[index] = value;
    } else if (type == cublasFloat16) {
        memcpy((uint16_t *)numbers + index, &half, sizeof(half));
    } else {
        ((uint16_t *)numbers)[index] = (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    }
}

// Columns of a matrix, one after the other.
static double *columnsOf(const void *numbers, uint64_t type, uint64_t rows, uint64_t columns, uint64_t step) {
    double *result = malloc(sizeof(double) * rows * columns);
    if (!result) abort();
    for (uint64_t column = 0; column < columns; column++)
        for (uint64_t row = 0; row < rows; row++)
            result[column * rows + row] = numberAt(numbers, type, column * step + row);
    return result;
}

static double dot(const double *a, const double *b, uint64_t count) {
#pragma clang fp reassociate(on)
    double sum = 0;
    for (uint64_t k = 0; k < count; k++) sum += a[k] * b[k];
    return sum;
}

// By columns: D[i, j] is d[i + j * dStep].
static void multiply(const Product *product) {
    double *a = columnsOf(product->a, product->type, product->depth, product->m, product->aStep);
    double *b = columnsOf(product->b, product->type, product->depth, product->n, product->bStep);
    for (uint64_t column = 0; column < product->n; column++) {
        for (uint64_t row = 0; row < product->m; row++) {
            double sum = product->alpha * dot(a + row * product->depth, b + column * product->depth, product->depth);
            uint64_t index = row + column * product->dStep;
            // What isn't added isn't read either: it may be no number.
            if (product->beta != 0) sum += product->beta * numberAt(product->c, product->dType, index);
            store((float)(sum + (product->bias ? product->bias[row] : 0)), product->d, product->dType, index);
        }
    }
    free(a);
    free(b);
}

static uint32_t fake_cublasLtMatmul(
    cublasLtHandle_t handle, cublasLtMatmulDesc_t description, const void *alpha, const void *a,
    cublasLtMatrixLayout_t aLayout, const void *b, cublasLtMatrixLayout_t bLayout, const void *beta, const void *c,
    cublasLtMatrixLayout_t cLayout, void *d, cublasLtMatrixLayout_t dLayout, const void *algorithm, void *workspace,
    size_t workspaceByteCount, CUstream stream) {
    BEGIN_PRODUCTS();
    NEEDS(is(handle, PRODUCT_HANDLE) && is(description, DESCRIPTION) && is(stream, STREAM), "not its objects");
    NEEDS(is(aLayout, LAYOUT) && is(bLayout, LAYOUT) && is(cLayout, LAYOUT) && is(dLayout, LAYOUT), "not layouts");
    if (current->failure) return cublasExecutionFailed;
    Product product;
    Object *object = (Object *)description;
    bool isKnown = describes(
        &product, object, (Object *)aLayout, (Object *)bLayout, (Object *)cLayout, (Object *)dLayout);
    NEEDS(isKnown, "no product that the library does");
    uint64_t expected[] = {
        product.type, product.m, product.n, product.depth, product.aStep, product.bStep, product.dType};
    NEEDS(algorithm && memcmp(algorithm, expected, sizeof(expected)) == 0, "an algorithm for another product");
    product.a = a;
    product.b = b;
    product.c = c;
    product.d = d;
    product.alpha = *(const float *)alpha;
    product.beta = *(const float *)beta;
    if (object->values[EPILOGUE] == cublasLtEpilogueBias) product.bias = (const float *)object->values[BIAS];
    size_t size = product.type == cublasFloat32 ? 4 : 2;
    size_t dByteCount = ((product.n - 1) * product.dStep + product.m) * (product.dType == cublasFloat32 ? 4 : 2);
    Object *uses[] = {
        holder(a, ((product.m - 1) * product.aStep + product.depth) * size, MEMORY),
        holder(b, ((product.n - 1) * product.bStep + product.depth) * size, MEMORY),
        holder(c, dByteCount, MEMORY),
        holder(d, dByteCount, MEMORY),
        holder(workspace, workspaceByteCount, MEMORY),
        product.bias ? holder(product.bias, product.m * sizeof(float), MEMORY) : holder(d, 1, MEMORY),
    };
    Command command = {.isKernel = true, .product = product};
    for (size_t index = 0; index < sizeof(uses) / sizeof(uses[0]); index++) {
        NEEDS(uses[index], "beyond memory");
        command.uses[command.useCount++] = uses[index];
    }
    if (settings.refusesToMultiply) return cublasNotSupported;
    if (object->values[COMPUTE] == cublasComputeTF32) tf32Count++;
    enqueue((Object *)stream, command);
    return cublasSuccess;
}
