// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_BLOCK_GRID_HPP
#define AWQ_REPORT_HTML_BLOCK_GRID_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/report/html/column_chart.hpp>
#include <awq/report/html/module_name.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace awq::html {

/// Things with names, put in order: by kind, then by decoder block. Things of one kind in one block, such
/// as experts, share a place.
template <class T>
class block_grid {
public:
    /// `item` must outlive the grid.
    void add(const std::string& name, const T& item)
    {
        const module_name place = module_name::of(name);
        blocks_.try_emplace(place.block, blocks_.size());
        const auto [kind, is_new] = kinds_.try_emplace(place.kind, rows_.size());
        if (is_new) rows_.push_back({place.kind, {}});
        rows_[kind->second].second[place.block].push_back(&item);
    }

    /// Some item of the i-th chart.
    const T& first(std::size_t chart) const { return *rows_[chart].second.begin()->second.front(); }

    /// One chart for each kind, in the order in which they came; all have the same columns.
    /// `make(items, block)` gives a column for the items of one kind in one block.
    template <class Make>
    std::vector<column_chart> charts(const Make& make) const
    {
        std::vector<column_chart> made;
        for (const auto& [kind, items] : rows_) {
            column_chart chart;
            chart.title = kind;
            chart.columns.resize(blocks_.size());
            for (const auto& [block, place] : blocks_) {
                const auto found = items.find(block);
                chart.columns[place] = found == items.end() ? column{} : make(found->second, block);
                chart.columns[place].label = block;
            }
            made.push_back(std::move(chart));
        }
        return made;
    }

private:
    using cells = std::map<std::string, std::vector<const T*>>;
    std::map<std::string, std::size_t> blocks_; ///< to their places, in the order in which they came
    std::map<std::string, std::size_t> kinds_;
    std::vector<std::pair<std::string, cells>> rows_;
};

} // namespace awq::html

#endif
