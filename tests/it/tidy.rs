//! Rules about the text of the repository, read from its files.

use selvedge_tests::tidy;

#[test]
fn no_line_is_longer_than_a_hundred_columns() {
    tidy::stop_at(&tidy::long_lines());
}

#[test]
fn modules_of_core_use_only_what_lies_below_them() {
    tidy::stop_at(&tidy::layers());
}

#[test]
fn no_tracked_file_names_a_place_outside_the_repository() {
    tidy::stop_at(&tidy::foreign_names());
}

#[test]
fn only_the_xml_writer_and_the_tag_writer_write_markup() {
    tidy::stop_at(&tidy::markup());
}
