// SPDX-License-Identifier: MIT
// An engine's own backend, with a product that lacks an operation.
#include <awq/modifier.hpp>

struct own_product : awq::plain_product {
#ifdef AWQ_MUST_FAIL
    static void add_cross_gram() = delete;
#endif
};

struct own_backend : awq::span_backend {
    using product = own_product;
};

awq::status check(const awq::mapping& pair) { return awq::modifier<awq::smoothing_only<>, own_backend>{}.check(pair); }
