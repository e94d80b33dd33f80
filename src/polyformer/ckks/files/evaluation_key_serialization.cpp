// Evaluation keys as a container: one section a key, so that they are written one by one and read on all threads.

#include <algorithm>
#include <mutex>
#include <set>

#include "polyformer/ckks/files/rns_serialization.h"
#include "polyformer/ckks/files/serialization.h"
#include "polyformer/support/error.h"
#include "polyformer/support/parallel.h"

namespace polyformer::ckks {

namespace {

/// What a key's section begins with.
struct KeyHead {
    KeyRole role = KeyRole::relinearisation;
    std::int32_t step = 0;
    std::int32_t level = 0;
    std::int32_t special = 0;
    std::int32_t digit_limbs = 0;
    int digits() const { return (level + digit_limbs) / digit_limbs; }  // ⌈(level + 1) / digit_limbs⌉
};

constexpr std::uint64_t kHeadBytes = 5 * sizeof(std::int32_t);

std::uint64_t section_length(const Parameters& parameters, const KeyHead& head) {
    return kHeadBytes + sizeof(Seed) +
           static_cast<std::uint64_t>(head.digits()) * packed_rows_bytes(parameters, head.level, head.special);
}

KeyHead read_head(SectionReader& section, const Parameters& parameters) {
    KeyHead head;
    const auto role = section.get<std::uint32_t>();
    require<FormatError>(role <= static_cast<std::uint32_t>(KeyRole::rotation), "{}: unknown key role {}",
                         section.place(), role);
    head.role = static_cast<KeyRole>(role);
    head.step = section.get<std::int32_t>();
    head.level = section.get<std::int32_t>();
    head.special = section.get<std::int32_t>();
    head.digit_limbs = section.get<std::int32_t>();
    const bool rotation = head.role == KeyRole::rotation;
    const auto slots = static_cast<std::int64_t>(parameters.slots());
    require<FormatError>(rotation ? head.step >= 1 && head.step < slots : head.step == 0,
                         "{}: rotation step {} is outside 1 to {} (0 for keys of other roles)", section.place(),
                         head.step, slots - 1);
    require_level(section, parameters, head.level);
    require<FormatError>(head.special >= 1 && head.special <= parameters.special_count(),
                         "{}: {} special primes; expected 1 to {}", section.place(), head.special,
                         parameters.special_count());
    require<FormatError>(head.digit_limbs >= 1 && head.digit_limbs <= head.special,
                         "{}: digits of {} limbs; expected 1 to {}, the number of special primes", section.place(),
                         head.digit_limbs, head.special);
    require_length(section, section_length(parameters, head));
    return head;
}

/// Puts an empty key for `head` where it belongs, so that its contents can be filled in by any thread.
SwitchingKey& place_for(EvaluationKeys& keys, const KeyHead& head) {
    switch (head.role) {
        case KeyRole::relinearisation:
            return keys.relinearisation.emplace();
        case KeyRole::conjugation:
            return keys.conjugation.emplace();
        case KeyRole::dense_to_sparse:
            return keys.dense_to_sparse.emplace();
        case KeyRole::sparse_to_dense:
            return keys.sparse_to_dense.emplace();
        case KeyRole::rotation:
            break;
    }
    return keys.rotations[head.step];
}

void read_key(const ContainerReader& reader, std::size_t index, const Parameters& parameters, SwitchingKey& key) {
    SectionReader section = reader.section(index);
    const KeyHead head = read_head(section, parameters);
    key.level = head.level;
    key.special = head.special;
    key.digit_limbs = head.digit_limbs;
    key.seed = read_seed(section);
    for (int digit = 0; digit < head.digits(); ++digit) {
        key.b.push_back(read_rows(section, parameters, head.level, head.special));
    }
    section.finish();
}

}  // namespace

EvaluationKeysWriter::EvaluationKeysWriter(ByteSink& sink, const Parameters& parameters,
                                           const std::string& key_fingerprint, std::size_t count)
    : parameters_(parameters), writer_(sink, make_header(kinds::kEvaluationKeys, parameters, key_fingerprint, count)) {}

void EvaluationKeysWriter::write(KeyRole role, int step, const SwitchingKey& key) {
    const KeyHead head{role, step, key.level, key.special, key.digit_limbs};
    require<Error>(key.b.size() == static_cast<std::size_t>(head.digits()),
                   "a switching key for level {} has {} digits of {} limbs; expected {}", key.level, key.b.size(),
                   key.digit_limbs, head.digits());
    writer_.section(section_length(parameters_, head), [&](SectionWriter& section) {
        section.put(static_cast<std::uint32_t>(head.role));
        section.put(head.step);
        section.put(head.level);
        section.put(head.special);
        section.put(head.digit_limbs);
        write_seed(section, key.seed);
        for (const RnsPolynomial& digit : key.b) write_rows(section, parameters_, digit, key.level, key.special);
    });
}

void write_evaluation_keys(ByteSink& sink, const Parameters& parameters, const EvaluationKeys& keys) {
    const std::size_t single = static_cast<std::size_t>(keys.relinearisation.has_value()) +
                               static_cast<std::size_t>(keys.conjugation.has_value()) +
                               static_cast<std::size_t>(keys.dense_to_sparse.has_value()) +
                               static_cast<std::size_t>(keys.sparse_to_dense.has_value());
    EvaluationKeysWriter writer(sink, parameters, keys.key_fingerprint, single + keys.rotations.size());
    if (keys.relinearisation) writer.write(KeyRole::relinearisation, 0, *keys.relinearisation);
    if (keys.conjugation) writer.write(KeyRole::conjugation, 0, *keys.conjugation);
    if (keys.dense_to_sparse) writer.write(KeyRole::dense_to_sparse, 0, *keys.dense_to_sparse);
    if (keys.sparse_to_dense) writer.write(KeyRole::sparse_to_dense, 0, *keys.sparse_to_dense);
    for (const auto& [step, key] : keys.rotations) writer.write(KeyRole::rotation, step, key);
    writer.finish();
}

EvaluationKeys read_evaluation_keys(const ByteSource& source, const Parameters& parameters, ReadOptions options,
                                    const ShareCallback& progress) {
    const ContainerReader reader(source, options);
    reader.expect_kind(kinds::kEvaluationKeys);
    reader.expect_parameters(parameters);

    EvaluationKeys keys;
    keys.key_fingerprint = reader.header().key_fingerprint;
    keys.parameters_fingerprint = parameters.fingerprint();
    // Every head is checked against the length of its section before any key is allocated.
    std::vector<SwitchingKey*> places;
    std::set<std::pair<KeyRole, std::int32_t>> seen;
    for (std::size_t i = 0; i < reader.sections(); ++i) {
        SectionReader section = reader.section(i);
        const KeyHead head = read_head(section, parameters);
        require<FormatError>(seen.emplace(head.role, head.step).second,
                             "{}: a second key of role {} and step {}; each may occur once", section.place(),
                             static_cast<std::uint32_t>(head.role), head.step);
        places.push_back(&place_for(keys, head));
    }

    std::mutex mutex;
    std::size_t done = 0;
    parallel_for(places.size(), [&](std::size_t i) {
        read_key(reader, i, parameters, *places[i]);
        if (!progress) return;
        const std::lock_guard lock(mutex);
        progress(static_cast<double>(++done) / static_cast<double>(places.size()));
    });
    return keys;
}

}  // namespace polyformer::ckks
