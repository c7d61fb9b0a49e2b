// SPDX-License-Identifier: MIT
// jobs MODEL DATASET DIRECTORY RECIPE: everything that a program can ask of the library, instantiated, and the
// whole of it run once, on a small model. Exit status 0 is a pass.
#include <awq/awq.hpp>

#include <cstdio>
#include <span>
#include <string>

const char* version_in_other_unit(); // which includes everything too: what is not inline is there twice

awq::device& machine();
awq::device& machine()
{
    static awq::host_device<awq::packed_product, awq::tbb_execution> made;
    return made;
}

awq::result<awq::evaluation> evaluate(const awq::tensor_source& model, std::span<const awq::token_ids> windows);
awq::result<awq::evaluation> evaluate(const awq::tensor_source& model, std::span<const awq::token_ids> windows)
{
    return awq::evaluate(machine(), model, nullptr, windows);
}

awq::result<awq::token_ids> generate(const awq::tensor_source& model, const awq::token_ids& prompt);
awq::result<awq::token_ids> generate(const awq::tensor_source& model, const awq::token_ids& prompt)
{
    AWQ_TRY(auto loaded, awq::loaded_model::load(machine(), model));
    return awq::generate(loaded.network(), prompt, 4);
}

namespace {

template <class T>
bool is_done(const char* what, const awq::result<T>& done)
{
    std::printf("%s: %s\n", what, done ? "done" : std::string{done.error().text()}.c_str());
    return done.has_value();
}

bool quantize(const char* model, const char* dataset, const std::string& output)
{
    awq::layer_format format;
    format.scheme = "W4A16_ASYM";
    format.group_size = 32;
    awq::oneshot_options options;
    awq::quantize task;
    task.formats = {format};
    task.rounding.error_feedback.reset();
    task.rounding.least_squares.reset();
    task.clip_steps = 1;
    options.task = task;
    options.model = model;
    options.calibration = awq::sample_calibration{dataset, 2, 32};
    options.output = output;
    options.overwrite = true;
    options.smoothing->search.n_grid = 3;
    options.smoothing->loss = awq::loss_kind::parent_output; // the cheapest for so few tokens
    return is_done("oneshot", awq::oneshot(options));
}

bool convert(const std::string& model, const std::string& output)
{
    awq::convert_options options;
    options.model = model;
    options.output = output;
    options.layout = awq::checkpoint_layout::autoawq;
    options.overwrite = true;
    return is_done("convert", awq::convert(options));
}

bool export_gguf(const char* model, const std::string& output)
{
    awq::export_options options;
    options.model = model;
    options.output = output;
    options.tensor_types = {"attn_k=q8_0"};
    options.overwrite = true;
    return is_done("export", awq::export_gguf(machine(), options));
}

/// yaml-cpp throws: without exceptions a recipe is refused, in one line.
bool read_recipe(const char* path)
{
    const auto read = awq::load_recipe(path);
#if AWQ_EXCEPTIONS
    return is_done("recipe", read);
#else
    return !is_done("recipe", read) && read.error().code() == awq::error_code::unsupported;
#endif
}

} // namespace

int main(int count, char** arguments)
{
    if (count != 5) return 2;
    const std::string directory = arguments[3];
    const bool passed = version_in_other_unit() != nullptr &&
                        quantize(arguments[1], arguments[2], directory + "/jobs-quantized") &&
                        convert(directory + "/jobs-quantized", directory + "/jobs-awq") &&
                        export_gguf(arguments[1], directory + "/jobs.gguf") && read_recipe(arguments[4]);
    return passed ? 0 : 1;
}
