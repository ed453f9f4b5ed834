use super::same_name;

#[test]
fn a_host_field_names_a_host_whatever_its_port() {
    let table = [
        ("shop.test", "shop.test", true),
        ("Shop.Test:8080", "shop.test.", true),
        ("[::1]:80", "::1", true),
        ("shop.test", "shop.test.evil", false),
        ("api.shop.test", "shop.test", false),
    ];
    for (host, name, same) in table {
        assert_eq!(same_name(host, name), same, "{host} {name}");
    }
}
