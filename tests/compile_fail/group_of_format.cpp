// SPDX-License-Identifier: MIT
// A GGUF format says itself which elements share a scale.
#include <awq/modifier.hpp>

#ifdef AWQ_MUST_FAIL
awq::modifier<awq::smoothing_only<awq::gguf::q4_k>, awq::group_size<32>> how;
#else
awq::modifier<awq::smoothing_only<awq::gguf::q4_k>> how;
#endif
