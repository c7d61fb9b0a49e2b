// SPDX-License-Identifier: MIT
#ifndef AWQ_RUN_HOST_KERNELS_HPP
#define AWQ_RUN_HOST_KERNELS_HPP

#include <awq/support/requires_hosted.hpp>

// Where runs spend their time. In the compiled mode one unit compiles this, for the instruction set that it is given,
// and the calls on whole models only use it; so a program may have the calls once and this for several levels of
// x86-64.
#include <awq/device/open_host_device.hpp>
#include <awq/evaluate/divergence.hpp>
#include <awq/evaluate/evaluation.hpp>
#include <awq/execution/instruction_set.hpp>
#include <awq/io/safetensors/convert.hpp>

#endif
