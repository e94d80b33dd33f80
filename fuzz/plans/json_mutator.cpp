#include "fuzz/plans/json_mutator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t capacity);

namespace polyformer::fuzz {

namespace {

using nlohmann::json;

/// The places of all values, a few of each long list: nobody needs the thousandth entry of a layout as often as a
/// bound.
void collect(json& value, std::vector<json*>& places) {
    constexpr std::size_t kOfEachList = 4;
    places.push_back(&value);
    if (value.is_object()) {
        for (auto& [key, entry] : value.items()) collect(entry, places);
    } else if (value.is_array() && !value.empty()) {
        const std::size_t step = std::max<std::size_t>(1, value.size() / kOfEachList);
        for (std::size_t i = 0; i < value.size(); i += step) collect(value[i], places);
    }
}

class Mutation {
  public:
    explicit Mutation(unsigned seed) : random_(seed) {}

    std::size_t below(std::size_t count) { return random_() % count; }

    void change(json& value, std::vector<json*>& places) {
        switch (below(8)) {
            case 0:
                value = *places[below(places.size())];  // another place's
                return;
            case 1:
                value = any();
                return;
            default:
                break;
        }
        if (value.is_number()) {
            value = number(value);
        } else if (value.is_boolean()) {
            value = !value.get<bool>();
        } else if (value.is_string()) {
            auto text = value.get<std::string>();
            if (text.empty()) return;
            text[below(text.size())] = static_cast<char>("0123456789abcdef-"[below(17)]);
            value = text;
        } else if (value.is_array()) {
            change_list(value);
        } else if (value.is_object() && !value.empty()) {
            auto entry = value.begin();
            std::advance(entry, static_cast<std::ptrdiff_t>(below(value.size())));
            if (below(2) == 0) {
                value.erase(entry);
            } else {
                value[entry.key() + "x"] = json(*entry);
            }
        }
    }

  private:
    json number(const json& old) {
        constexpr std::array<std::int64_t, 16> kEdges{
            0,   1,    -1,   2,       3,       4,       8,          64,
            512, 1024, 4096, 1 << 16, 1 << 20, 1 << 24, 0x7fffffff, std::numeric_limits<std::int64_t>::max()};
        const double value = old.is_number() ? old.get<double>() : 0;
        switch (below(5)) {
            case 0:
                return kEdges[below(kEdges.size())];
            case 1:
                return std::array{1e300, -1e300, 1e-300, 0.5, -0.0, value * 1e6}[below(6)];
            case 2:
                return std::array{value * 2, value / 2, -value}[below(3)];
            default: {
                const double step = below(2) == 0 ? 1 : -1;
                if (old.is_number_integer() && std::abs(value) < 0x1p53) return static_cast<std::int64_t>(value + step);
                return value + step;
            }
        }
    }

    void change_list(json& list) {
        if (list.empty()) {
            list.push_back(0);
            return;
        }
        const std::size_t i = below(list.size());
        const json entry = list[i];
        switch (below(4)) {
            case 0:
                list.erase(i);
                break;
            case 1:
                list.push_back(entry);
                break;
            case 2:
                std::swap(list[i], list[below(list.size())]);
                break;
            default:
                list = json::array();
        }
    }

    json any() {
        switch (below(6)) {
            case 0:
                return nullptr;
            case 1:
                return "x";
            case 2:
                return json::array({1, 2});
            case 3:
                return json::object();
            case 4:
                return true;
            default:
                return number(0);
        }
    }

    std::minstd_rand random_;
};

}  // namespace

std::size_t mutate_json(std::uint8_t* data, std::size_t size, std::size_t capacity, unsigned seed,
                        const std::function<void(json&)>& mend) {
    json document = json::parse(std::string_view(reinterpret_cast<const char*>(data), size), nullptr, false);
    Mutation mutation(seed);
    if (document.is_discarded() || mutation.below(64) == 0) return LLVMFuzzerMutate(data, size, capacity);
    const std::size_t changes = 1 + mutation.below(3);
    for (std::size_t i = 0; i < changes; ++i) {
        std::vector<json*> places;
        collect(document, places);
        mutation.change(*places[mutation.below(places.size())], places);
    }
    if (mend && document.is_object() && mutation.below(4) != 0) mend(document);
    const std::string text = document.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() > capacity) return size;
    std::copy(text.begin(), text.end(), data);
    return text.size();
}

}  // namespace polyformer::fuzz
