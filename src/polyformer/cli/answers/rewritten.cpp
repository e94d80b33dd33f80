#include "polyformer/cli/answers/rewritten.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "polyformer/cli/common/output.h"
#include "polyformer/service/private_logits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"

namespace polyformer::cli {

namespace {

constexpr std::size_t kShownPlaces = 50;

/// The most likely token of each row; −1 where a row holds what is no number.
struct Readings {
    std::vector<std::int32_t> ids;
    std::vector<double> probabilities;
};

Readings read(std::span<const double> logits, std::size_t columns) {
    Readings readings;
    for (; !logits.empty(); logits = logits.subspan(columns)) {
        const std::span<const double> row = logits.first(columns);
        const bool known = all_finite(row);
        const service::Probable best =
            known ? service::most_probable(row, 1).front() : service::Probable{0, std::nan("")};
        readings.ids.push_back(known ? static_cast<std::int32_t>(best.entry) : -1);
        readings.probabilities.push_back(best.probability);
    }
    return readings;
}

/// The text's own places among all.
std::vector<std::int32_t> inner(const std::vector<std::int32_t>& ids, std::pair<std::size_t, std::size_t> around) {
    return {ids.begin() + static_cast<std::ptrdiff_t>(around.first),
            ids.end() - static_cast<std::ptrdiff_t>(around.second)};
}

/// What is shown of one text, and how much of it is as in the clear.
struct Rewritten {
    ShownAnswer shown;
    std::size_t places = 0;
    std::size_t as_polynomial = 0;
    std::size_t as_before = 0;  ///< of the polynomial model's
};

Rewritten rewritten(const AnswerSource& source, std::size_t text_index) {
    const ClientPart& client = source.client;
    const bool compared = !source.clear.empty();
    const std::pair<std::size_t, std::size_t> around = client.special_tokens();
    const Readings readings = read(source.output(text_index), source.columns);
    const std::size_t rows = readings.ids.size();
    require(
        rows >= around.first + around.second && (source.tokens.empty() || source.tokens[text_index].ids.size() == rows),
        "the answer has {} rows, which is not one for each of the text's {} tokens: a plan of this model is needed "
        "that gives all positions (plan: --positions all), and the text that was encrypted",
        rows, source.tokens.empty() ? around.first + around.second : source.tokens[text_index].ids.size());
    const std::vector<std::int32_t> found = inner(readings.ids, around);
    const std::vector<std::int32_t> given =
        source.tokens.empty() ? std::vector<std::int32_t>() : inner(source.tokens[text_index].ids, around);
    std::vector<std::int32_t> polynomial;
    std::vector<std::int32_t> before;
    if (compared) {
        polynomial = inner(read(source.clear[text_index].polynomial.logits.values, source.columns).ids, around);
        before = inner(read(source.clear[text_index].before_substitution.values, source.columns).ids, around);
    }
    const auto name_of = [&](std::int32_t id) {
        return id < 0 ? std::string("not a number") : client.name_of(static_cast<std::size_t>(id));
    };
    // Whoever shows it on rounds it.
    const auto probability_at = [&](std::size_t place) {
        const double probability = readings.probabilities[around.first + place];
        return source.grid == 0 ? probability : std::round(100 * probability) / 100;
    };

    Rewritten result;
    result.places = found.size();
    ShownAnswer& shown = result.shown;
    std::vector<std::vector<std::string>> table{{"place"}};
    if (!given.empty()) table.front().emplace_back("text");
    table.front().push_back(source.name);
    if (compared) table.front().insert(table.front().end(), {"polynomial model", "before substitution"});
    auto places = nlohmann::json::array();
    std::size_t changed = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const bool differs = !given.empty() && found[i] != given[i];
        changed += static_cast<std::size_t>(differs);
        nlohmann::json entry{{"place", i + 1},
                             {"token", name_of(found[i])},
                             {"id", found[i]},
                             {"probability", finite_or_null(probability_at(i))}};
        if (!given.empty()) entry.update({{"text", name_of(given[i])}, {"changed", differs}});
        places.push_back(std::move(entry));
        if (!differs && !(given.empty() && found.size() <= kShownPlaces)) continue;
        if (table.size() > kShownPlaces) continue;
        std::vector<std::string> row{std::to_string(i + 1)};
        if (!given.empty()) row.push_back(name_of(given[i]));
        row.push_back(fmt::format("{} {:.0f} %", name_of(found[i]), 100 * probability_at(i)));
        if (compared) row.insert(row.end(), {name_of(polynomial[i]), name_of(before[i])});
        table.push_back(std::move(row));
    }
    const bool known = std::ranges::all_of(found, [](std::int32_t id) { return id >= 0; });
    const std::string text = known ? client.text_of(found) : std::string();
    if (!given.empty()) shown.text += fmt::format("{} of {} places differ from the text\n", changed, found.size());
    if (table.size() > 1) shown.text += format_table(table);
    if (changed > kShownPlaces) shown.text += fmt::format("and {} more\n", changed - kShownPlaces);
    if (known) shown.text += format_table({{"most likely throughout"}, {text}});
    shown.document["places"] = std::move(places);
    shown.document["text"] = text;
    if (!given.empty()) shown.document["changed"] = changed;
    if (compared) {
        for (std::size_t i = 0; i < found.size(); ++i) {
            result.as_polynomial += static_cast<std::size_t>(found[i] == polynomial[i]);
            result.as_before += static_cast<std::size_t>(polynomial[i] == before[i]);
        }
        shown.document["equal_tokens"] = {{"polynomial", result.as_polynomial},
                                          {"before_substitution", result.as_before}};
    }
    return result;
}

}  // namespace

ShownAnswer show_rewritten(const AnswerSource& source) {
    if (!source.tokens.empty()) {
        require(source.tokens.size() == source.names.size(),
                "the answer is to {} texts, but {} were given: give those "
                "that were encrypted",
                source.names.size(), source.tokens.size());
    }
    ShownAnswer all;
    Rewritten sum;
    for (std::size_t i = 0; i < source.names.size(); ++i) {
        Rewritten one = rewritten(source, i);
        sum.places += one.places;
        sum.as_polynomial += one.as_polynomial;
        sum.as_before += one.as_before;
        if (source.names.size() == 1) {
            all = std::move(one.shown);
        } else {
            all.text += source.names[i] + ":\n" + one.shown.text;
            all.document["texts"].push_back(std::move(one.shown.document));
        }
    }
    if (source.clear.empty()) return all;
    all.measured = {{"tokens as of the polynomial model", fmt::format("{} of {}", sum.as_polynomial, sum.places)},
                    {"of these as before substitution", fmt::format("{} of {}", sum.as_before, sum.places)}};
    all.same = sum.as_polynomial == sum.places && sum.as_before == sum.places;
    return all;
}

}  // namespace polyformer::cli
