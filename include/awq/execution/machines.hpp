// SPDX-License-Identifier: MIT
#ifndef AWQ_EXECUTION_MACHINES_HPP
#define AWQ_EXECUTION_MACHINES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace awq {

/// Some of many things that lie in a row.
struct row_range {
    std::size_t first = 0, end = 0;

    std::size_t size() const noexcept { return end - first; }
    bool holds(std::size_t index) const noexcept { return index >= first && index < end; }
};

/// The processes that do one run together, on one machine or on several; each has a rank below their number. This one
/// is alone: whatever it is asked to exchange is there already. Others derive from it and say how bytes get from one
/// rank to another (`mpi_machines`); what is built on that, is built here, once.
///
/// All ranks make the same calls in the same order, from one thread. Where one of them cannot go on it says so by
/// `fail`, and the next call of every other ends with its error.
class AWQ_ABI_TAG machines {
public:
    machines() = default;
    machines(const machines&) = delete;
    machines& operator=(const machines&) = delete;
    virtual ~machines() = default;

    std::size_t rank() const noexcept { return rank_; }
    std::size_t size() const noexcept { return size_; }
    bool are_several() const noexcept { return size_ > 1; }
    /// The first writes, tells and answers for all.
    bool is_first() const noexcept { return rank_ == 0; }

    /// Which of `count` things in a row are this rank's: neighbours, so that what is done in order of the ranks is
    /// done in order of the things.
    row_range share(std::size_t count) const noexcept { return share_of(rank_, count); }
    row_range share_of(std::size_t rank, std::size_t count) const noexcept
    {
        return {rank * count / size_, (rank + 1) * count / size_};
    }

    /// Ends the run of all others with this error, which is one of this rank alone.
    virtual void fail(const error& /*why*/) noexcept {}

    /// All ranks get what `from` has.
    status broadcast(std::size_t from, std::span<std::byte> bytes)
    {
        if (rank_ != from) return receive(from, bytes);
        for (std::size_t to = 0; to < size_; ++to)
            if (to != from) AWQ_CHECK(send(to, bytes));
        return finish_sends();
    }

    /// Sums as one process makes them, which adds things in a row one after the other: `add(i)` adds this rank's
    /// things to `pieces[i]`, behind those of the ranks before it; all ranks get the whole. A rank works on one piece
    /// while the next works on the one before. Each piece goes around at most twice, so a rank sends and receives at
    /// most twice their size, however many ranks there are.
    template <class Add>
    status in_order(std::span<const std::span<std::byte>> pieces, const Add& add)
    {
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            if (rank_ > 0) AWQ_CHECK(receive(rank_ - 1, pieces[i]));
            AWQ_CHECK(add(i));
            if (are_several()) AWQ_CHECK(send(next(), pieces[i]));
        }
        AWQ_CHECK(finish_sends());
        if (rank_ + 1 == size_) return {};
        for (const std::span<std::byte> piece : pieces) {
            AWQ_CHECK(receive(rank_ > 0 ? rank_ - 1 : size_ - 1, piece));
            if (rank_ + 2 < size_) AWQ_CHECK(send(next(), piece));
        }
        return finish_sends();
    }

    /// Each rank has filled a part of `bytes`, its own; all get the whole. A rank sends and receives the whole less
    /// its part. `parts`: of each rank.
    status share_parts(std::span<std::byte> bytes, std::span<const row_range> parts)
    {
        const auto part = [&](std::size_t rank) {
            const row_range& range = parts[rank % size_];
            return bytes.subspan(range.first, range.size());
        };
        for (std::size_t step = 0; step + 1 < size_; ++step) {
            AWQ_CHECK(send(next(), part(rank_ + size_ - step)));
            AWQ_CHECK(receive((rank_ + size_ - 1) % size_, part(rank_ + 2 * size_ - step - 1)));
        }
        return finish_sends();
    }

    /// The same of rows of `row_bytes`; nobody knows which rows are another's.
    status share_rows(std::span<std::byte> bytes, std::size_t row_bytes, row_range own)
    {
        if (!are_several()) return {};
        std::vector<row_range> parts(size_), places(size_);
        for (std::size_t i = 0; i < size_; ++i) places[i] = {i * sizeof own, (i + 1) * sizeof own};
        parts[rank_] = {own.first * row_bytes, own.end * row_bytes};
        AWQ_CHECK(share_parts(std::as_writable_bytes(std::span{parts}), places));
        return share_parts(bytes, parts);
    }

    /// Replaces values by those of all ranks, one behind the other.
    template <class T>
    status join(std::vector<T>& values)
    {
        if (!are_several()) return {};
        std::vector<std::size_t> counts(size_);
        counts[rank_] = values.size();
        AWQ_CHECK(share_rows(std::as_writable_bytes(std::span{counts}), sizeof counts[0], {rank_, rank_ + 1}));
        std::size_t first = 0, sum = 0;
        for (std::size_t i = 0; i < size_; ++i) {
            if (i < rank_) first += counts[i];
            sum += counts[i];
        }
        std::vector<T> joined(sum);
        std::ranges::copy(values, joined.begin() + static_cast<std::ptrdiff_t>(first));
        AWQ_CHECK(share_rows(std::as_writable_bytes(std::span{joined}), sizeof(T), {first, first + values.size()}));
        values = std::move(joined);
        return {};
    }

    /// Returns when all have called it.
    status meet()
    {
        std::vector<std::byte> seen(size_);
        return share_rows(seen, 1, {rank_, rank_ + 1});
    }

    /// The bytes that this rank has sent.
    std::uint64_t sent_bytes() const noexcept { return sent_; }

protected:
    machines(std::size_t rank, std::size_t size) noexcept : rank_(rank), size_(size) {}

    /// Begins to send, in order; the bytes stay as they are until `finish_sends`.
    virtual status begin_send(std::size_t /*to*/, std::span<const std::byte> /*bytes*/) { return {}; }
    virtual status receive_all(std::size_t /*from*/, std::span<std::byte> /*bytes*/) { return {}; }
    /// What was sent has left.
    virtual status finish_sends() { return {}; }

private:
    std::size_t next() const noexcept { return (rank_ + 1) % size_; }

    status send(std::size_t to, std::span<const std::byte> bytes)
    {
        sent_ += bytes.size();
        return bytes.empty() ? status{} : begin_send(to, bytes);
    }
    status receive(std::size_t from, std::span<std::byte> bytes)
    {
        return bytes.empty() ? status{} : receive_all(from, bytes);
    }

    std::size_t rank_ = 0, size_ = 1;
    std::uint64_t sent_ = 0;
};

/// A process that does its run alone.
inline machines& alone()
{
    static machines one;
    return one;
}

} // namespace awq

#endif
