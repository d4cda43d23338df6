use libtest_mimic::Trial;
pub fn trial() -> Trial {
    Trial::test("mutations", || Ok(()))
}
