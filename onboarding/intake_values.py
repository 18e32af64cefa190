"""The closed value lists of the intake contract, word for word (contract sections 2.1 to 2.5, 3.1 to 3.3).

A leaf: the API validates with these, and nothing here is stored. Where later revisions widened a list, the additions
stand behind the older words. Lists the contract calls open (product codes) are not here.
"""

from onboarding.enums import IdentificationType

USER_TYPES = ("individual", "business")
GENDERS = ("male", "female", "other")
YES_NO = ("Yes", "No")

# --- Identification and documents (section 3) -------------------------------------------------------

GOVERNMENT_IDS = tuple(code.lower() for code in IdentificationType.government_ids)
TAX_IDS = tuple(code.lower() for code in IdentificationType.tax_ids)
IDENTIFICATION_TYPES = tuple(code.lower() for code in IdentificationType.values)
# A business names its registration or tax document; the contract leaves the words open (C-06).
BUSINESS_DOCUMENT_TYPES = IDENTIFICATION_TYPES

INDIVIDUAL_DOCUMENTS = ("front", "back", "selfie", "file_proof_of_address", "file_source_of_wealth")
BUSINESS_DOCUMENTS = (
    "file_proof_of_address",
    "file_business_formation",
    "file_source_of_wealth",
    "file_ein_letter",
    "file_bylaws",
    "file_corporate_resolution",
    "file_certificate_of_registration",
    "file_certificate_of_good_standing",
    "file_board_minutes",
    "file_portfolio_statement",
    "file_fatca",
    "file_company_fiscal_registration",
)
ALL_DOCUMENTS = tuple(dict.fromkeys((*INDIVIDUAL_DOCUMENTS, *BUSINESS_DOCUMENTS)))

# --- Both types (sections 2.1, 2.2) -------------------------------------------------------------------

EXPECTED_MONTHLY_PAYMENTS = ("0_4999", "5000_9999", "10000_49999", "50000_plus")
VERIFICATION_MODES = ("automatic", "verification_link")
ADDITIONAL_INFO_ANSWERS = (
    "has_us_bank_account",
    "has_denied_bank_account",
    "past_owner_interaction",
    "any_politically_exposed_person",
    "past_business_interaction",
)
ADDITIONAL_INFO_EXPLANATIONS = (
    "denied_bank_account_explain",
    "past_owner_interaction_explain",
    "any_politically_exposed_person_explain",
    "past_business_interaction_explain",
)

# --- Individuals (section 2.1) --------------------------------------------------------------------------

INDIVIDUAL_SOURCES_OF_FUNDS = (
    "salary",
    "self_employment_income",
    "investment_proceeds",
    "savings_inheritance_gift",
    "gifts",
    "inheritance",
    "investments_loans",
    "pension_retirement",
    "sale_of_assets_real_estate",
    "savings",
    "someone_elses_funds",
)
INDIVIDUAL_ACCOUNT_PURPOSES = (
    "receive_payments",
    "manage_professional_income",
    "make_payments",
    "manage_personal_funds",
    "investment_trading",
    "charitable_donations",
    "investment_purposes",
    "operating_a_company",
    "payments_to_friends_or_family_abroad",
    "personal_or_living_expenses",
    "purchase_goods_and_services",
    "protect_wealth",
    "receive_salary",
    "receive_payment_for_freelancing",
)
EMPLOYMENT_STATUSES = ("employed", "self_employed", "unemployed", "retired", "student")
IMMIGRATION_STATUSES = (
    "Permanent U.S. Resident",
    "Non-Permanent U.S. Resident",
    "Non-Resident of U.S.",
    "U.S. Citizen",
    "Lawful Permanent Resident of U.S.",
)

# --- Businesses (section 2.2) ---------------------------------------------------------------------------

BUSINESS_TYPES = (
    "limited_liability_company",
    "corporation",
    "general_partnership",
    "limited_liability_partnership",
    "sole_proprietor",
    "non_profit",
    "trust",
    "government_organization",
    "publicly_traded_company",
    "llc",
)
BUSINESS_SOURCES_OF_FUNDS = (
    "sales_of_goods_and_services",
    "company_funds",
    "owners_capital",
    "business_loans",
    "investment_proceeds",
    "investments_loans",
    "inter_company_funds",
    "third_party_funds",
    "treasury_reserves",
    "tax_refund",
)
# The business list proper, then the individual words that are accepted from businesses as well: 18 in all.
BUSINESS_ACCOUNT_PURPOSES = tuple(
    dict.fromkeys(
        (
            "operating_a_company",
            "receive_payments_for_goods_and_services",
            "purchase_goods_and_services",
            "internal_treasury",
            "ecommerce_retail_payments",
            "investment_purposes",
            "third_party_money_transmission",
            "charitable_donations",
            *INDIVIDUAL_ACCOUNT_PURPOSES,
        )
    )
)
EXPECTED_MONTHLY_VOLUMES = (
    "less_than_50000",
    "50000_to_100000",
    "100000_to_500000",
    "500000_to_1000000",
    "1000000_to_5000000",
    "5000000_to_10000000",
    "more_than_10000000",
)
EXPECTED_TRANSACTION_COUNTS = (
    "less_than_10",
    "10_to_25",
    "26_to_50",
    "51_to_100",
    "101_to_500",
    "more_than_500",
)
# NAICS subsectors (section 2.5), in the order of the sectors.
BUSINESS_INDUSTRIES = (
    "crop_production",
    "animal_production",
    "forestry_logging",
    "fishing_hunting_trapping",
    "support_activities_agriculture_forestry",
    "oil_gas_extraction",
    "mining_except_oil_gas",
    "support_activities_mining",
    "utilities",
    "construction_of_buildings",
    "heavy_civil_engineering_construction",
    "specialty_trade_contractors",
    "food_manufacturing",
    "beverage_tobacco_product_manufacturing",
    "textile_mills",
    "textile_product_mills",
    "apparel_manufacturing",
    "leather_allied_product_manufacturing",
    "wood_product_manufacturing",
    "paper_manufacturing",
    "printing_related_support_activities",
    "petroleum_coal_products_manufacturing",
    "chemical_manufacturing",
    "plastics_rubber_products_manufacturing",
    "nonmetallic_mineral_product_manufacturing",
    "primary_metal_manufacturing",
    "fabricated_metal_product_manufacturing",
    "machinery_manufacturing",
    "computer_electronic_product_manufacturing",
    "electrical_equipment_appliance_component_manufacturing",
    "transportation_equipment_manufacturing",
    "furniture_related_product_manufacturing",
    "miscellaneous_manufacturing",
    "merchant_wholesalers_durable_goods",
    "merchant_wholesalers_nondurable_goods",
    "wholesale_electronic_markets_agents_brokers",
    "motor_vehicle_parts_dealers",
    "furniture_home_furnishings_stores",
    "electronics_appliance_stores",
    "building_material_garden_equipment_supplies_dealers",
    "food_beverage_stores",
    "health_personal_care_stores",
    "gasoline_stations",
    "clothing_accessories_stores",
    "sporting_goods_hobby_book_music_stores",
    "general_merchandise_stores",
    "miscellaneous_store_retailers",
    "nonstore_retailers",
    "air_transportation",
    "rail_transportation",
    "water_transportation",
    "truck_transportation",
    "transit_ground_passenger_transportation",
    "pipeline_transportation",
    "scenic_sightseeing_transportation",
    "support_activities_transportation",
    "postal_service",
    "couriers_messengers",
    "warehousing_storage",
    "publishing_industries",
    "motion_picture_sound_recording_industries",
    "broadcasting",
    "internet_publishing_broadcasting",
    "telecommunications",
    "data_processing_hosting_related_services",
    "other_information_services",
    "monetary_authorities_central_bank",
    "credit_intermediation_related_activities",
    "securities_commodity_contracts_financial_investments",
    "insurance_carriers_related_activities",
    "funds_trusts_other_financial_vehicles",
    "real_estate",
    "rental_leasing_services",
    "lessors_nonfinancial_intangible_assets",
    "professional_scientific_technical",
    "management_of_companies",
    "administrative_support_services",
    "waste_management_remediation_services",
    "educational_services",
    "ambulatory_health_care_services",
    "hospitals",
    "nursing_residential_care_facilities",
    "social_assistance",
    "performing_arts_spectator_sports",
    "museums_historical_sites",
    "amusement_gambling_recreation_industries",
    "accommodation",
    "food_services_drinking_places",
    "repair_maintenance",
    "personal_laundry_services",
    "religious_grantmaking_civic_professional_organizations",
    "private_households",
    "public_administration",
)

# --- Sessions and lists (sections 2.10, 2.11) -----------------------------------------------------------

SESSION_TYPES = ("embedded-link", "api")
STATUS_FILTERS = (
    "CREATED",
    "VERIFYING",
    "VERIFIED",
    "REJECTED",
    "REVIEW",
    "ACTIVE",
    "INACTIVE",
    "SUSPENDED",
)
VERIFICATION_STATUS_FILTERS = ("UNVERIFIED", "VERIFIED")

# --- Ours -------------------------------------------------------------------------------------------------

# What one partner alone asks, by partner: `partner_answers` accepts these members and no others.
PARTNER_ANSWERS: dict[str, tuple[str, ...]] = {"kira": ()}
