// SPDX-License-Identifier: MIT
#ifndef AWQ_QUANTIZATION_GGUF_FORMATS_HPP
#define AWQ_QUANTIZATION_GGUF_FORMATS_HPP

#include <awq/quantization/gguf/iq4_nl.hpp>
#include <awq/quantization/gguf/legacy.hpp>
#include <awq/quantization/gguf/q2_k.hpp>
#include <awq/quantization/gguf/q3_k.hpp>
#include <awq/quantization/gguf/q4_k.hpp>
#include <awq/quantization/gguf/q5_k.hpp>
#include <awq/quantization/gguf/q6_k.hpp>

namespace awq::gguf {

/// Calls `task` with the format struct of a block type that can be written; whether there is one.
template <class Task>
constexpr bool with_format(type wanted, Task&& task)
{
    switch (wanted) {
    case type::q4_0:
        return task(q4_0{}), true;
    case type::q4_1:
        return task(q4_1{}), true;
    case type::q5_0:
        return task(q5_0{}), true;
    case type::q5_1:
        return task(q5_1{}), true;
    case type::q8_0:
        return task(q8_0{}), true;
    case type::q2_k:
        return task(q2_k{}), true;
    case type::q3_k:
        return task(q3_k{}), true;
    case type::q4_k:
        return task(q4_k{}), true;
    case type::q5_k:
        return task(q5_k{}), true;
    case type::q6_k:
        return task(q6_k{}), true;
    case type::iq4_nl:
        return task(iq4_nl{}), true;
    default:
        return false;
    }
}

} // namespace awq::gguf

#endif
