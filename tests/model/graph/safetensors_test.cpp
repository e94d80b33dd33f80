#include "polyformer/model/graph/safetensors.h"

#include <cmath>
#include <cstring>

#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

/// A file by hand: the header's length, the header, then the values.
template <class Value = float>
std::string file_of(const std::string& header, const std::vector<Value>& data = {}) {
    const std::uint64_t length = header.size();
    std::string file(sizeof length + header.size() + data.size() * sizeof(Value), '\0');
    std::memcpy(file.data(), &length, sizeof length);
    std::memcpy(file.data() + sizeof length, header.data(), header.size());
    if (!data.empty())
        std::memcpy(file.data() + sizeof length + header.size(), data.data(), data.size() * sizeof(Value));
    return file;
}

FloatTensors parse(const std::string& file) {
    return parse_safetensors(std::as_bytes(std::span(file)), "file");
}

void expect_refused(const std::string& file, const std::vector<std::string>& parts) {
    expect_error<FormatError>([&] { parse(file); }, parts);
}

std::string tensor(const char* shape, const char* offsets) {
    return fmt::format(R"({{"dtype":"F32","shape":{},"data_offsets":{}}})", shape, offsets);
}

std::string one_tensor(const char* shape, const char* offsets) {
    return fmt::format(R"({{"a":{}}})", tensor(shape, offsets));
}

TEST(Safetensors, ReadsForeignFiles) {
    const FloatTensors found =
        parse(file_of(R"({"__metadata__":{"format":"pt"},"b":)" + tensor("[1,2]", "[4,12]") + R"(,"a":)" +
                          tensor("[]", "[0,4]") + R"(,"none":)" + tensor("[3,0]", "[12,12]") + "}   ",
                      {7, 1, 2}));
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found.at("a").values, std::vector<float>{7});
    EXPECT_TRUE(found.at("a").shape.empty());
    EXPECT_EQ(found.at("b").values, (std::vector<float>{1, 2}));
    EXPECT_EQ(found.at("b").shape, (std::vector<std::size_t>{1, 2}));
    EXPECT_TRUE(found.at("none").values.empty());
}

TEST(Safetensors, RoundTrip) {
    const ScratchDirectory scratch;
    const std::vector<float> values{1, -0.0F, 1e-40F, 3.4e38F, 5, 6};
    write_safetensors({{"x.weight", {{2, 3}, values}}, {"empty", {{0}, {}}}}, scratch.path() / "a");
    const FloatTensors found = read_safetensors(scratch.path() / "a");
    EXPECT_EQ(found.at("x.weight").values, values);
    EXPECT_TRUE(std::signbit(found.at("x.weight").values[1]));
    EXPECT_EQ(found.at("x.weight").shape, (std::vector<std::size_t>{2, 3}));
    EXPECT_EQ(found.size(), 2U);
}

TEST(Safetensors, WritingRefusesWhatReadingWould) {
    const ScratchDirectory scratch;
    const std::vector<float> values{1, NAN};
    const auto file = scratch.path() / "a";
    expect_error<Error>([&] { write_safetensors({{"x", {{3}, values}}}, file); }, {"'x'", "[3]", "2 values"});
    expect_error<FormatError>([&] { write_safetensors({{"x", {{2}, values}}}, file); }, {"'x'", "nan", "index 1"});
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(Safetensors, HeadersThatCannotBeAreRefused) {
    expect_refused("", {"0 bytes", "too few"});
    expect_refused("seven..", {"7 bytes"});
    expect_refused(std::string(8, '\xff'), {"claims 18446744073709551615 bytes, but 0 are left"});
    expect_refused("PK\x03\x04 some zip archive", {"claims"});
    expect_refused(file_of("not json"), {"not valid JSON"});
    expect_refused(file_of("[]"), {"must be a JSON object, found array"});
    expect_refused(file_of("{\"a\":3}"), {"tensor 'a'", "must be an object, found number"});
    expect_refused(file_of(std::string(100000, '[')), {"nested deeper than 64"});
    expect_refused(file_of("{\"a\":1e999}"), {"not valid JSON"});
}

TEST(Safetensors, EntriesThatCannotBeAreRefused) {
    const std::vector<float> two{1, 2};
    expect_refused(file_of(one_tensor("[3]", "[0,8]"), two), {"'a'", "shape [3]", "8 bytes"});
    expect_refused(file_of(one_tensor("[2]", "[0,12]"), two), {"'a'", "[0, 12]", "8 bytes of data"});
    expect_refused(file_of(one_tensor("[2]", "[8,0]"), two), {"'a'", "[8, 0]"});
    expect_refused(file_of(one_tensor("[2]", "[0]"), two), {"'a'", "[0]"});
    expect_refused(file_of(one_tensor("[2]", "[0,4,8]"), two), {"'a'", "'data_offsets' has 3 entries"});
    expect_refused(file_of(one_tensor("[-2]", "[0,8]"), two), {"'shape' must hold whole numbers, found -2"});
    expect_refused(file_of(one_tensor("[2.0]", "[0,8]"), two), {"'shape' must hold whole numbers, found 2.0"});
    expect_refused(file_of(one_tensor("[1,1,1,1,1,1,1,1,2]", "[0,8]"), two), {"'shape' has 9 entries"});
    for (const char* type : {"I8", "U8", "I64", "BOOL", "F8_E4M3", "f32", ""}) {
        expect_refused(file_of(fmt::format(R"({{"a":{{"dtype":"{}","shape":[1],"data_offsets":[0,8]}}}})", type), two),
                       {fmt::format("the type is '{}', but weights are F32, F16, BF16 or F64", type)});
    }
    expect_refused(file_of(R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}})", two), {"does not fill"});
    expect_refused(file_of(R"({"a":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,8]}})", two),
                   {"does not fill"});
    expect_refused(file_of(R"({"a":{"dtype":"F32","shape":[2]}})", two), {"'data_offsets' is missing"});
    expect_refused(file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", two),
                   {"unknown key 'x'"});
}

TEST(Safetensors, AFilesTensorsAreReadOneByOneAndOthersMayLieBeside) {
    const ScratchDirectory scratch;
    const auto path = scratch.path() / "a.safetensors";
    const std::vector<float> two{1, -2};
    write_file(path, file_of(R"({"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
                             R"("x":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]},)"
                             R"("y":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}})",
                             std::vector<float>{0, 0, 1, -2, NAN}));
    const SafetensorsFile file(path);
    EXPECT_EQ(file.shapes(), (SafetensorsFile::Shapes{{"ids", {1}}, {"x", {2, 1}}, {"y", {1}}}));
    const FloatTensor tensor = file.read("x");
    EXPECT_EQ(tensor.shape, (std::vector<std::size_t>{2, 1}));
    EXPECT_EQ(tensor.values, two);
    expect_error<FormatError>([&] { file.read("ids"); }, {"'ids'", "the type is 'I64'"});
    expect_error<FormatError>([&] { file.read("y"); }, {"'y'", "nan", "index 0"});
    expect_error<Error>([&] { file.read("z"); }, {"no tensor 'z'"});
}

TEST(Safetensors, ShapesThatOverflowAreRefused) {
    // 2^62 · 2^62 · 4 and 2^62 · 4 are 0 modulo 2^64.
    expect_refused(file_of(one_tensor("[4611686018427387904,4611686018427387904]", "[0,0]")), {"'a'", "does not fill"});
    expect_refused(file_of(one_tensor("[4611686018427387904]", "[0,0]")), {"'a'", "does not fill"});
    expect_refused(file_of(one_tensor("[18446744073709551617]", "[0,0]")), {"'a'"});
}

TEST(Safetensors, OverlapsHolesAndDuplicatesAreRefused) {
    const std::vector<float> three{1, 2, 3};
    const auto two_tensors = [](const char* second, const char* name = "b") {
        return fmt::format(R"({{"a":{},"{}":{}}})", tensor("[2]", "[0,8]"), name, second);
    };
    expect_refused(file_of(two_tensors(tensor("[2]", "[4,12]").c_str()), three), {"'b' begins at byte 4", "ends at 8"});
    expect_refused(file_of(one_tensor("[2]", "[4,12]"), three), {"'a' begins at byte 4", "ends at 0"});
    expect_refused(file_of(one_tensor("[2]", "[0,8]"), three), {"cover 8 of 12 bytes"});
    expect_refused(file_of(two_tensors(tensor("[1]", "[8,12]").c_str(), "a"), three), {"'a' is given twice"});
}

template <class Bits>
std::string file_of_bits(const char* type, const std::vector<Bits>& bits) {
    return file_of(fmt::format(R"({{"w":{{"dtype":"{}","shape":[{}],"data_offsets":[0,{}]}}}})", type, bits.size(),
                               bits.size() * sizeof(Bits)),
                   bits);
}

// What numpy and torch make of the same bits.
TEST(Safetensors, ReadsOtherFloats) {
    const std::vector<std::uint16_t> half = {0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x0400,
                                             0x3555, 0x3C00, 0x3C01, 0xC000, 0x7BFF, 0xFBFF};
    EXPECT_EQ(parse(file_of_bits("F16", half)).at("w").values,
              (std::vector<float>{0, 0, 5.9604644775390625e-08F, -5.9604644775390625e-08F, 6.097555160522461e-05F,
                                  6.103515625e-05F, 0.333251953125F, 1, 1.0009765625F, -2, 65504, -65504}));
    const std::vector<std::uint16_t> brain = {0x0000, 0x0001, 0x807F, 0x0080, 0x3EAB, 0x3F80, 0xC2F7, 0x7F7F};
    EXPECT_EQ(parse(file_of_bits("BF16", brain)).at("w").values,
              (std::vector<float>{0, 9.183549615799121e-41F, -1.1663108012064884e-38F, 1.1754943508222875e-38F,
                                  0.333984375F, 1, -123.5F, 3.3895313892515355e38F}));
    const std::vector<double> twice = {0.1, -1e-300, 3e38};
    EXPECT_EQ(parse(file_of_bits("F64", twice)).at("w").values, (std::vector<float>{0.1F, -0.0F, 3e38F}));
    EXPECT_TRUE(std::signbit(parse(file_of_bits("F16", half)).at("w").values[1]));
    // Of several types, at odd addresses.
    const std::string header =
        R"({"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})";
    const FloatTensors both = parse(file_of<std::uint16_t>(header, {0x3C00, 0x0000, 0xC2F7}));
    EXPECT_EQ(both.at("a").values, std::vector<float>{1});
    EXPECT_EQ(both.at("b").values, std::vector<float>{-123.5F});
}

TEST(Safetensors, OtherFloatsMustBeFinite) {
    expect_refused(file_of_bits<std::uint16_t>("F16", {0x3C00, 0x7C00}), {"tensor 'w'", "inf at index 1"});
    expect_refused(file_of_bits<std::uint16_t>("F16", {0xFE01}), {"tensor 'w'", "nan at index 0"});
    expect_refused(file_of_bits<std::uint16_t>("BF16", {0xFF80}), {"tensor 'w'", "-inf at index 0"});
    expect_refused(file_of_bits<std::uint16_t>("BF16", {0x7FC0}), {"tensor 'w'", "nan at index 0"});
    expect_refused(file_of_bits<double>("F64", {1, -INFINITY}), {"tensor 'w'", "-inf at index 1"});
    expect_refused(file_of_bits<double>("F64", {1, -1e39}), {"tensor 'w'", "-1e+39 at index 1", "beyond float32"});
}

TEST(Safetensors, ValuesMustBeFinite) {
    expect_refused(file_of(one_tensor("[3]", "[0,12]"), {1, 2, NAN}), {"tensor 'a'", "nan at index 2"});
    expect_refused(file_of(one_tensor("[2]", "[0,8]"), {-INFINITY, 2}), {"tensor 'a'", "-inf at index 0"});
}

TEST(Safetensors, EveryTruncationAndFlippedDataBitIsNoticed) {
    const ScratchDirectory scratch;
    const std::vector<float> values{1, 2, 3, 4};
    write_safetensors({{"x", {{2, 2}, values}}}, scratch.path() / "a");
    const std::string file = read_file(scratch.path() / "a");
    for (std::size_t size = 0; size < file.size(); ++size)
        EXPECT_THROW(parse(file.substr(0, size)), FormatError) << size;
    for (std::size_t bit = 8 * (file.size() - 16); bit < 8 * file.size(); ++bit) {
        std::string damaged = file;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
        expect_refused(damaged, {"checksum"});
    }
}

}  // namespace
}  // namespace polyformer::model
