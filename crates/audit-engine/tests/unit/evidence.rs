use super::*;

const A: &str = "111122223333";
const B: &str = "444455556666";

fn arns(texts: &[&str]) -> BTreeSet<RoleArn> {
    texts.iter().map(|text| RoleArn::parse(text).unwrap()).collect()
}

fn empty() -> EvidencePlan {
    EvidencePlan::new(Duration::from_mins(10), None)
}

fn key(name: &str) -> BindingKey {
    BindingKey::new("shop", name)
}

#[test]
fn an_account_is_looked_into_for_as_long_as_a_binding_leads_there() {
    let mut plan = empty();
    let (app, far) = (
        "arn:aws:iam::111122223333:role/app",
        "arn:aws:iam::444455556666:role/far",
    );
    let appeared = |accounts: &[&str]| Moved {
        appeared: accounts.iter().map(|id| (*id).to_owned()).collect(),
        ..Moved::default()
    };
    assert_eq!(plan.refer(&key("x"), arns(&[app, far])), appeared(&[A, B]));
    assert_eq!(plan.refer(&key("x"), arns(&[app, far])), Moved::default());
    assert_eq!(plan.refer(&key("y"), arns(&[far])), Moved::default());
    assert_eq!(plan.refer(&key("x"), arns(&[app])), Moved::default());
    let gone = Moved {
        vanished: vec![B.to_owned()],
        released: vec![(B.to_owned(), "far".to_owned())],
        ..Moved::default()
    };
    assert_eq!(plan.refer(&key("y"), BTreeSet::new()), gone);
    assert_eq!(plan.accounts().collect::<Vec<_>>(), [A]);
    assert!(plan.references.keys().eq([&key("x")]));
}

#[test]
fn the_own_account_is_looked_into_in_any_case() {
    let mut plan = empty();
    plan.set_home(A);
    plan.refer(&key("x"), arns(&["arn:aws:iam::111122223333:role/app"]));
    assert!(plan.refer(&key("x"), BTreeSet::new()).vanished.is_empty());
    plan.reset();
    assert_eq!(plan.accounts().collect::<Vec<_>>(), [A]);
}

#[test]
fn two_paths_to_one_role_are_one_role() {
    let (short, with_path) = (
        "arn:aws:iam::111122223333:role/app",
        "arn:aws:iam::111122223333:role/team/app",
    );
    let mut plan = empty();
    plan.refer(&key("x"), arns(&[short, with_path]));
    for left in [with_path, short] {
        assert_eq!(plan.refer(&key("x"), arns(&[left])), Moved::default());
        assert_eq!(plan.referring_to_role(A, "app").collect::<Vec<_>>(), [&key("x")]);
    }
    plan.refer(&key("x"), arns(&[short, with_path]));
    assert_eq!(
        plan.refer(&key("x"), BTreeSet::new()).released,
        [(A.to_owned(), "app".to_owned())]
    );
    assert!(plan.accounts.is_empty());
}

#[test]
fn references_that_contradict_each_other_leave_the_partition_open() {
    let mut plan = empty();
    plan.refer(&key("x"), arns(&["arn:aws:iam::111122223333:role/app"]));
    assert_eq!(plan.accounts[A].partition(), Some("aws"));
    plan.refer(&key("y"), arns(&["arn:aws-cn:iam::111122223333:role/app"]));
    assert_eq!(plan.accounts[A].partition(), None);
    plan.refer(&key("x"), BTreeSet::new());
    assert_eq!(plan.accounts[A].partition(), Some("aws-cn"));
}
