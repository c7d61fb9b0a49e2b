// SPDX-License-Identifier: MIT
#ifndef AWQ_BLOCK_INPUT_GRAM_HPP
#define AWQ_BLOCK_INPUT_GRAM_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/block/ordered_grams.hpp>
#include <awq/device/device.hpp>
#include <awq/device/host_matrix.hpp>
#include <awq/execution/machines.hpp>
#include <awq/search/gram_view.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace awq {

/// The tokens that Gram matrices will be of: all of them, and those that this machine sees, among all. None: they
/// are not known, and then it is the matrices that are kept.
struct gram_sample {
    std::size_t count = 0;
    row_range own;
    std::size_t planned = 0; ///< of a run that this one is a trial of

    /// Whether the inputs themselves are less than their Gram matrix.
    bool are_few(std::size_t in_features) const noexcept { return count > 0 && std::max(count, planned) < in_features; }
};

/// The Gram matrix of one input of a block, with its memory, or the inputs that it would be of where these are less.
class input_gram {
public:
    input_gram() = default;
    input_gram(device& machine, std::size_t in_features, const gram_sample& of)
        : is_factor_(of.are_few(in_features)), own_(of.own)
    {
        if (is_factor_)
            values_ = xtensor_backend::make(of.count, in_features); // `complete` leaves no row as it is
        else
            values_ = make_zeros(machine.tasks(), in_features, in_features);
    }

    bool empty() const noexcept { return values_.size() == 0; }
    bool is_matrix() const noexcept { return !empty() && !is_factor_; }
    /// Whole once `complete` was called.
    gram_view view() const noexcept
    {
        return is_factor_ ? gram_view::of_inputs(view_of(values_)) : gram_view{view_of(values_)};
    }
    /// Of a matrix.
    matrix_view<float> matrix() noexcept { return view_of(values_); }
    host_matrix take() { return std::exchange(values_, host_matrix{}); }

    /// Adds a batch of inputs, (tokens, in_features). `waits`: it is kept until `complete` adds it behind those of
    /// the machines before.
    void observe(device& machine, matrix_view<const float> x, bool waits)
    {
        if (is_factor_)
            keep(machine, x);
        else if (waits)
            waiting_.push_back(copy_of(machine, x));
        else
            machine.add_upper_gram(x, matrix());
    }

    /// After the last batch, by all machines that have batches. `waits`: as told to `observe`. Error: there were more
    /// inputs than tokens were announced.
    status complete(device& machine, machines& all, bool waits)
    {
        if (is_factor_ && seen_ > own_.size())
            return error{error_code::invalid_argument, "statistics: ", seen_, " inputs of ", own_.size(), " tokens"};
        if (is_factor_) machine.clear(view_of(values_).rows_from(own_.first + seen_, own_.size() - seen_));
        if (is_factor_) return all.share_rows(std::as_writable_bytes(values_of(values_)), row_bytes(), own_);
        if (waits) AWQ_CHECK(add_upper_grams(machine, all, waiting_, matrix()));
        waiting_.clear();
        machine.mirror_upper(matrix());
        return {};
    }

    /// What it becomes when the inputs are divided by `scales`, one for each channel.
    void divide(device& machine, std::span<const double> scales)
    {
        if (is_factor_)
            machine.divide_columns(scales, view_of(values_));
        else
            machine.divide_gram(scales, matrix());
    }

private:
    std::size_t row_bytes() const noexcept { return values_.shape()[1] * sizeof(float); }

    void keep(device& machine, matrix_view<const float> x)
    {
        const std::size_t first = own_.first + std::exchange(seen_, seen_ + x.rows());
        if (seen_ <= own_.size()) machine.copy(x, view_of(values_).rows_from(first, x.rows()));
    }

    host_matrix values_; ///< (in_features, in_features), or (tokens, in_features)
    bool is_factor_ = false;
    row_range own_;                    ///< rows of the inputs that this machine sees,
    std::size_t seen_ = 0;             ///< and how many it has seen
    std::vector<host_matrix> waiting_; ///< batches that are not in the matrix yet
};

} // namespace awq

#endif
