#include "polyformer/ckks/arithmetic/aes.h"

#include <bit>

namespace polyformer::ckks {

namespace {

static_assert(std::endian::native == std::endian::little, "columns lie in memory as their bytes follow each other");

using Columns = Aes256::RoundKey;

/// x·a in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
constexpr std::uint8_t times_x(std::uint8_t a) {
    return static_cast<std::uint8_t>(a << 1 ^ (a >> 7) * 0x1b);
}

/// The inverse in GF(2^8), zero to itself, then an affine map.
constexpr std::array<std::uint8_t, 256> make_sbox() {
    // x + 1 generates the 255 elements other than zero: the inverse of its power i is its power 255 - i.
    std::array<std::uint8_t, 255> powers{1};
    for (std::size_t i = 1; i < powers.size(); ++i) {
        powers[i] = static_cast<std::uint8_t>(powers[i - 1] ^ times_x(powers[i - 1]));
    }
    std::array<std::uint8_t, 256> sbox{0x63};
    for (std::size_t i = 0; i < powers.size(); ++i) {
        const std::uint8_t inverse = powers[(powers.size() - i) % powers.size()];
        std::uint8_t value = 0x63;
        for (int turn = 0; turn < 5; ++turn) value = static_cast<std::uint8_t>(value ^ std::rotl(inverse, turn));
        sbox[powers[i]] = value;
    }
    return sbox;
}

constexpr std::array<std::uint8_t, 256> kSbox = make_sbox();

using Table = std::array<std::uint32_t, 256>;

/// What a byte in row r adds to its column in one round: its substitute times column r of the MixColumns matrix.
constexpr std::array<Table, 4> make_round_tables() {
    std::array<Table, 4> tables{};
    for (std::size_t byte = 0; byte < 256; ++byte) {
        const std::uint32_t once = kSbox[byte];
        const std::uint32_t twice = times_x(kSbox[byte]);
        const std::uint32_t column = twice | once << 8 | once << 16 | (twice ^ once) << 24;
        for (std::size_t row = 0; row < 4; ++row) tables[row][byte] = std::rotl(column, static_cast<int>(8 * row));
    }
    return tables;
}

constexpr std::array<Table, 4> kRoundTables = make_round_tables();

constexpr std::uint8_t byte_of(std::uint32_t column, std::size_t row) {
    return static_cast<std::uint8_t>(column >> 8 * row);
}

std::uint32_t substitute(std::uint32_t column) {
    std::uint32_t result = 0;
    for (std::size_t row = 0; row < 4; ++row) result |= std::uint32_t{kSbox[byte_of(column, row)]} << 8 * row;
    return result;
}

/// ShiftRows: row r of column c comes from column c + r.
std::uint32_t shifted_column(const Columns& state, std::size_t column) {
    std::uint32_t result = 0;
    for (std::size_t row = 0; row < 4; ++row) result |= state[(column + row) % 4] & std::uint32_t{0xff} << 8 * row;
    return result;
}

}  // namespace

Aes256::Aes256(const Key& key) {
    constexpr std::size_t kKeyColumns = 8;
    std::array<std::uint32_t, 4 * (kRounds + 1)> columns{};
    const auto given = std::bit_cast<std::array<std::uint32_t, kKeyColumns>>(key);
    for (std::size_t i = 0; i < kKeyColumns; ++i) columns[i] = given[i];
    std::uint8_t constant = 1;
    for (std::size_t i = kKeyColumns; i < columns.size(); ++i) {
        std::uint32_t last = columns[i - 1];
        if (i % kKeyColumns == 0) {
            last = substitute(std::rotr(last, 8)) ^ constant;
            constant = times_x(constant);
        } else if (i % kKeyColumns == 4) {
            last = substitute(last);
        }
        columns[i] = columns[i - kKeyColumns] ^ last;
    }
    round_keys_ = std::bit_cast<std::array<RoundKey, kRounds + 1>>(columns);
}

const Aes256::RoundKey* Aes256::round_keys() const {
    return round_keys_.data();
}

Aes256::Block Aes256::encrypt(const Block& block) const {
    auto state = std::bit_cast<Columns>(block);
    for (std::size_t c = 0; c < 4; ++c) state[c] ^= round_keys_[0][c];
    for (std::size_t round = 1; round < kRounds; ++round) {
        const RoundKey& key = round_keys_[round];
        const auto column = [&](std::size_t c) {
            return kRoundTables[0][byte_of(state[c], 0)] ^ kRoundTables[1][byte_of(state[(c + 1) % 4], 1)] ^
                   kRoundTables[2][byte_of(state[(c + 2) % 4], 2)] ^ kRoundTables[3][byte_of(state[(c + 3) % 4], 3)] ^
                   key[c];
        };
        state = {column(0), column(1), column(2), column(3)};
    }
    Columns last = round_keys_[kRounds];
    for (std::size_t c = 0; c < 4; ++c) last[c] ^= substitute(shifted_column(state, c));
    return std::bit_cast<Block>(last);
}

}  // namespace polyformer::ckks
